import { handle } from '../../../realtime.ts'

export const dynamic = 'force-dynamic'
export { handle as GET, handle as POST }
