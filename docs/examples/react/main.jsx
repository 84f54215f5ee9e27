import { hydrateRoot } from 'react-dom/client'
import { App } from './app.jsx'

const root = document.getElementById('root')
const getToken = async () => (await fetch('/carillon-token')).text()
hydrateRoot(root, <App server={root.dataset.server} getToken={getToken} />)
