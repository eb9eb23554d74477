/** A page of Chromium's that stands still. */
import type { Page } from 'playwright-core'

/**
 * Has a page stand still, in the middle of whatever it does, until the returned function is called. Chromium freezes no
 * page that is visible, and under Playwright each one is: so it is its debugger that stops it, and the test that tells it.
 *
 * @param told whether the page hears of it, as `freeze` and `resume`
 */
export async function freezePage(page: Page, told: boolean): Promise<() => Promise<void>> {
  const tell = (type: string): Promise<unknown> =>
    page.evaluate((type) => document.dispatchEvent(new Event(type)), type)
  const devtools = await page.context().newCDPSession(page)
  if (told) await tell('freeze')
  await devtools.send('Debugger.enable')
  const paused = new Promise<unknown>((resolve) => devtools.once('Debugger.paused', resolve))
  await devtools.send('Debugger.pause')
  await paused
  return async () => {
    await devtools.detach()
    if (told) await tell('resume')
  }
}
