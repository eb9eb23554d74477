import { nodeCount } from '../shared/cluster.ts'
import { Chat } from './Chat.tsx'
import { Connection } from './Connection.tsx'
import { Lobby } from './Lobby.tsx'
import { Members } from './Members.tsx'
import { guest } from './realtime.ts'
import { Ticker } from './Ticker.tsx'

export function App() {
  return (
    <>
      <header className="pane-head">
        <h2 className="pane-title" data-app="react">
          React
        </h2>
        <p className="guest">as {guest.name}</p>
        <Members />
      </header>
      <Connection />
      {nodeCount > 0 ? <Ticker /> : null}
      <div className="cards">
        <Lobby />
        <Chat />
      </div>
    </>
  )
}
