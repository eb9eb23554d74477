import { Room } from '../../../Room.tsx'
import { snapshotOf } from '../../../realtime.ts'

export const dynamic = 'force-dynamic'

/** A server component: it takes a snapshot, and the page goes on behind it. */
export default async function RoomPage({ params }: { params: Promise<{ roomId: string }> }) {
  const { roomId } = await params
  return <Room roomId={roomId} from={await snapshotOf(roomId)} />
}
