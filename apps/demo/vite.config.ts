import react from '@vitejs/plugin-react'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

// Inside this repository our packages are read as sources, so that the demo needs no build but its own.
const conditions = ['@triwire/source']

export default defineConfig(({ isSsrBuild }) => ({
  plugins: [react(), vue()],
  resolve: { conditions: [...conditions, 'module', 'browser', 'development|production'] },
  ssr: { noExternal: true, resolve: { conditions: [...conditions, 'module', 'node', 'development|production'] } },
  build: {
    outDir: 'dist/page',
    ...(isSsrBuild
      ? {
          target: 'node20',
          rolldownOptions: {
            input: ['src/demo.ts', 'src/server.ts'],
            output: { chunkFileNames: 'chunks/[name].js' },
          },
        }
      : { target: 'baseline-widely-available' }),
  },
  // `vite` alone serves the page with hot reload, beside a demo that is already running.
  server: { proxy: { '/rt': { target: 'http://localhost:3000', ws: true }, '/nodes': 'http://localhost:3000' } },
}))
