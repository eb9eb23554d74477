import { createClient } from '@triwire/client'
import type { Api } from './contract.ts'

export const rt = createClient<Api>({ url: '/rt', auth: () => 'ann' }).channels
