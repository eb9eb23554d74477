/** The one module of the platform, as far as it is used here. It is there at run time, and nowhere to install. */
declare module 'cloudflare:workers' {
  export class DurableObject {
    constructor(state: unknown, env: unknown)
  }
  export const env: Readonly<Record<string, unknown>>
}
