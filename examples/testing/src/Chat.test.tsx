import { act, cleanup, render, screen } from '@testing-library/react'
import { userEvent } from '@testing-library/user-event'
import { type TestClient, type TestNetwork, testNetwork } from '@triwire/test'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Chat } from './Chat.tsx'
import type { Api } from './contract.ts'
import { realtime } from './realtime.ts'

let net: TestNetwork<Api>
let ann: TestClient<Api>

// Components import the client of the app. Here that is a client of the network.
vi.mock('./client.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('./client.ts')>()),
  get rt() {
    return ann.channels
  },
}))

beforeEach(() => {
  net = testNetwork(realtime, { act })
  ann = net.client({ auth: () => 'ann' })
})

afterEach(async () => {
  cleanup()
  await net.close()
})

function messages(): (string | null)[] {
  return screen.queryAllByRole('listitem').map(({ textContent }) => textContent)
}

test('shows what somebody else says, and who is here', async () => {
  const bob = net.client({ auth: () => 'bob' }).channels.chat({ roomId: 'first' })
  render(<Chat roomId="first" name="Ann" />)
  expect(screen.getByText('Joining…')).toBeTruthy()
  await net.settle()
  expect(screen.getByText('Ann')).toBeTruthy()
  await bob.commands.send({ text: 'hi Ann' })
  await net.settle()
  expect(messages()).toEqual(['bob: hi Ann'])
})

test('sends a message once, although the connection breaks before the answer is there', async () => {
  render(<Chat roomId="second" name="Ann" />)
  await net.settle()
  net.latency(100)
  await userEvent.click(screen.getByRole('button'))
  await net.advance(150) // the server has it, its answer is on the way
  net.drop()
  await net.advance(50)
  expect(screen.getByRole('button').textContent).toBe('Say hello …')
  await net.until(() => screen.getByRole('button').textContent === 'Say hello ')
  expect(messages()).toEqual(['ann: hello'])
})

test('says so where the room is closed to you', async () => {
  render(<Chat roomId="staff" name="Ann" />)
  await net.settle()
  expect(screen.getByText('You may not read this room.')).toBeTruthy()
})
