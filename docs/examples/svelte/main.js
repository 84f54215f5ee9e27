import { hydrate } from 'svelte'
import App from './App.svelte'

const root = document.getElementById('root')
const getToken = async () => (await fetch('/carillon-token')).text()
hydrate(App, { target: root, props: { server: root.dataset.server, getToken } })
