import { createRealtime } from '@triwire/server'
import { api } from './contract.ts'

export const realtime = createRealtime(api, { auth: ({ token }) => (token ? { id: token } : null) })
