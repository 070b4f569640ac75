export type { ContractHost, OpenHost } from './contract/contract-host.ts';
export { nftablesContract } from './contract/nftables-contract.ts';
export { Programs } from './contract/program.ts';
export { rangeSteps, steps, stepText } from './contract/random-transactions.ts';
export { FakeNftables } from './fake/fake-nftables.ts';
export { ingredientsOf } from './ingredients.ts';
export { keysOf } from './keys-of.ts';
