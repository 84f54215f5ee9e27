import { createSSRApp } from 'vue'
import App from './App.vue'

const root = document.getElementById('root')
const getToken = async () => (await fetch('/carillon-token')).text()
createSSRApp(App, { server: root.dataset.server, getToken }).mount(root)
