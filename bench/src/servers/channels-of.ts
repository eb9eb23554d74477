// The channels a URL asks for: `/?c=0,1`.

/** @param url as Node has it in a request */
export function channelsOf(url: string | undefined): string[] {
  return new URLSearchParams((url ?? '').split('?')[1]).get('c')?.split(',') ?? []
}
