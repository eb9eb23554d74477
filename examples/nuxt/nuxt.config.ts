import { defineNuxtConfig } from 'nuxt/config'

export default defineNuxtConfig({
  compatibilityDate: '2026-01-01',
  telemetry: false,
  buildDir: 'dist/build',
  nitro: { output: { dir: 'dist/app' } },
})
