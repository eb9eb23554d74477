import type { ConnectionState } from '@triwire/client'
import { useConnection } from '@triwire/react'
import { useEffect, useState } from 'react'
import { retryText, rttText } from '../shared/connection-text.ts'
import { initialWire } from '../shared/location.ts'
import { WIRE_CHOICES, WIRES, type WireChoice, wireLabel, wiresOf } from '../shared/wires.ts'
import { client } from './realtime.ts'

/** How the client is connected, and the switch that says how it may be. */
export function Connection() {
  const connection = useConnection(client)
  const [choice, setChoice] = useState(initialWire)

  function choose(next: WireChoice): void {
    setChoice(next)
    client.setWires(wiresOf(next))
  }

  return (
    <div className="connection" data-state={connection.state} data-wire={connection.wire}>
      <div className="wires" aria-hidden="true">
        {WIRES.map((wire) => (
          <i key={wire} data-wire={wire} />
        ))}
      </div>
      <p className="badge">
        <span role="status">
          <b className="state" data-testid="state">
            {connection.state}
          </b>
          <b className="wire" data-testid="wire" data-wire={connection.wire}>
            {wireLabel(connection.wire)}
          </b>
        </span>
        {connection.state === 'online' ? null : <Retry connection={connection} />}
        <span className="rtt" data-testid="rtt" title="Round trip through the server">
          {rttText(connection.rtt)}
        </span>
      </p>
      <fieldset className="switch">
        <legend className="visually-hidden">Wire of the React client</legend>
        {WIRE_CHOICES.map((option) => (
          <label key={option} data-testid={`wire-${option}`} data-wire={option}>
            <input
              type="radio"
              name="react-wire"
              value={option}
              checked={option === choice}
              onChange={() => choose(option)}
            />
            {wireLabel(option)}
          </label>
        ))}
      </fieldset>
    </div>
  )
}

/** What is being done about a connection that is not there, with a countdown. */
function Retry({ connection }: { connection: ConnectionState }) {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 250)
    return () => clearInterval(timer)
  }, [])
  return <span className="retry">{retryText(connection, now)}</span>
}
