export { type BrokerContractOptions, brokerContract } from './broker-contract.ts'
export { createManualClock, type ManualClock } from './manual-clock.ts'
export { Recorder } from './recorder.ts'
export { type BrokerHarness, type BrokerSetup, expectContiguous } from './stage.ts'
