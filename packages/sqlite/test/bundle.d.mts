/** Bundles a file of this folder and returns where the bundle is. */
export function bundle(entry: string): Promise<string>
