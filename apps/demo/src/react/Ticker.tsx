import { useRealtime } from '@triwire/react'
import { nodeCount } from '../shared/cluster.ts'
import { countTick, drawBeats, LEGEND, NO_TICKS, pauseText, servedText } from '../shared/ticks.ts'
import { cluster, guest } from './realtime.ts'

/** The ticker as this client hears it: which node brings it, and whether anything is missing. */
export function Ticker() {
  const { data: ticks = NO_TICKS } = useRealtime(cluster, {
    tail: 1,
    initial: NO_TICKS,
    reduce: { tick: (ticks, tick, meta) => countTick(ticks, tick, meta, guest.seat, performance.now()) },
  })
  const { count, lost, doubled, disordered, longestPauseMs } = ticks

  return (
    <section className="ticker" aria-label="Ticker" data-testid="ticker">
      <p className="served">
        served by <b data-testid="node">{servedText(ticks)}</b>
      </p>
      <ol
        className="lanes"
        aria-hidden="true"
        title={LEGEND}
        style={{ '--lanes': nodeCount } as React.CSSProperties}
      >
        {drawBeats(ticks.beats).map(({ n, lane, column, replayed }, index) => (
          <li key={index} data-n={n} data-replayed={replayed} style={{ gridRow: lane, gridColumn: column }} />
        ))}
      </ol>
      <dl className="account">
        <div>
          <dt>ticks</dt>
          <dd data-testid="ticks">{count}</dd>
        </div>
        <div data-bad={lost > 0}>
          <dt>lost</dt>
          <dd data-testid="lost">{lost}</dd>
        </div>
        <div data-bad={doubled > 0}>
          <dt>doubled</dt>
          <dd data-testid="doubled">{doubled}</dd>
        </div>
        <div data-bad={disordered > 0}>
          <dt>out of order</dt>
          <dd data-testid="disordered">{disordered}</dd>
        </div>
        <div>
          <dt>longest pause</dt>
          <dd data-testid="pause">{pauseText(longestPauseMs)}</dd>
        </div>
      </dl>
    </section>
  )
}
