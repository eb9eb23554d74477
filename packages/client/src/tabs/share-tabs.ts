/**
 * `shareTabs`: a client whose wire is shared. It has two drivers: one with the session of this tab, on a shared wire; and
 * while it leads, one for the relay, on a real wire.
 */
import type { TabSharing } from '../client-options.ts'
import { Driver } from '../driver.ts'
import { openShared } from './shared-wire.ts'

/**
 * Has the tabs of one origin and one user live on one wire. One tab leads and keeps it; it passes on to the others what
 * comes, and another one takes its place when it is closed, crashes or stands still. Each tab remains a session of its
 * own, with its own token, its own place in every channel and its own presence.
 *
 * What a tab sends goes by a request of its own, also where the shared wire is a WebSocket; so `/poll` and `/send` must
 * be within reach. Where Web Locks or BroadcastChannel are missing or forbidden (outside browsers, without https, in
 * sandboxed frames), each tab has its own wire.
 */
export function shareTabs(): TabSharing {
  return (options, handleDelivery) => {
    if (!canShare()) return undefined
    let { wires } = options
    let relay: Driver | undefined
    const driver = new Driver({ ...options, wires: ['polling'] }, handleDelivery, {
      open: (wire) =>
        openShared(wire, driver, (handleRelayed, handleText) => {
          relay = new Driver(options, handleRelayed, { handleText })
          relay.setWires(wires)
          return relay
        }),
    })
    // Which wires may be used concerns the real one.
    driver.setWires = (next) => {
      wires = next
      relay?.setWires(next)
    }
    return driver
  }
}

/** Whether this is a page that may: with locks (and so with https), channels and storage. */
function canShare(): boolean {
  try {
    // Where this is forbidden, as in a sandboxed frame or without any cookies, so is the rest. Node has the rest, and no tabs.
    void window.localStorage
    return !!navigator.locks && !!BroadcastChannel
  } catch {
    return false
  }
}
