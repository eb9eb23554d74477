/** `@triwire/client/tabs`: an entry of its own, so that only those who share pay for it. */
export type { TabSharing } from '../client-options.ts'
export { shareTabs } from './share-tabs.ts'
