// Whether the page comes from one server or from several nodes, asked once before anything is shown.

/** How many nodes there are; 0 where the demo is one server. */
export const nodeCount: number = await countNodes()

async function countNodes(): Promise<number> {
  try {
    const response = await fetch('/nodes')
    return response.ok ? ((await response.json()) as readonly unknown[]).length : 0
  } catch {
    return 0
  }
}
