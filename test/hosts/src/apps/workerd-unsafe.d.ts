/** What workerd has for tests, as far as it is used here. */
declare module 'workerd:unsafe' {
  const unsafe: {
    /** Takes an object out of memory; its WebSockets stay open. Waits for what it is doing, and rejects where that takes long. */
    evict(stub: unknown, options: { readonly webSockets: 'hibernate' }): Promise<void>
  }
  export default unsafe
}
