export type { NetworkControls } from './client-network.ts'
export {
  type TestClient,
  type TestClientOptions,
  type TestNetwork,
  type TestNetworkOptions,
  testNetwork,
} from './test-network.ts'
