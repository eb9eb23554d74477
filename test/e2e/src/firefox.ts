/** Firefox as it is installed, not a build of Playwright's: it is driven by WebDriver BiDi, which Firefox itself speaks. */
import { firefox as playwright } from 'playwright-core'
import { findExecutable } from './executable.ts'
import { launchWithPlaywright } from './playwright-browser.ts'
import type { Engine } from './tab.ts'

const executablePath = findExecutable('firefox-esr', 'firefox')

/** Firefox. */
export const firefox: Engine = {
  name: 'Firefox',
  cannot: {
    keep: 'Firefox keeps none that holds a WebSocket, a request or a lock, nor one that lets go of it on `pagehide`',
    setFrozen: 'WebDriver BiDi has no command that freezes a page',
  },
  missing: executablePath ? undefined : 'Firefox is not installed (apt install firefox-esr)',
  launch: () =>
    launchWithPlaywright(playwright, {
      channel: 'moz-firefox',
      ...(executablePath && { executablePath }),
      // As its users have it: for tests Playwright switches it off that timers of hidden tabs are held back.
      firefoxUserPrefs: {
        'dom.min_background_timeout_value': 1000,
        'dom.min_background_timeout_value_without_budget_throttling': 1000,
        'dom.timeout.enable_budget_timer_throttling': true,
        // To draw what moves takes most of the time where there is no graphics card.
        'ui.prefersReducedMotion': 1,
      },
    }),
}
