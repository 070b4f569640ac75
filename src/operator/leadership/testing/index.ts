export { HandElection } from './hand-election.ts';
export { HandTerms } from './hand-terms.ts';
