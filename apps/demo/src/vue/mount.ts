import { createApp } from 'vue'
import App from './App.vue'

/** Puts the Vue client on the page. */
export function mountVue(root: HTMLElement): void {
  createApp(App).mount(root)
}
