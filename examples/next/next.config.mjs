/** @type {import('next').NextConfig} */
export default {
  distDir: 'dist',
  // Types are checked by the compiler of this repository, whose version Next does not know.
  typescript: { ignoreBuildErrors: true },
}
