export type { HaproxyInfo, SectionState, ServerState, Traffic } from './answers.ts';
export { HaproxyError } from './cli-socket.ts';
export { haproxyDirectory } from './configuration.ts';
export { latencyBounds, latencyUnitsPerSecond } from './latency.ts';
export type { Latencies } from './latency.ts';
export { HaproxyRuntime } from './runtime-api.ts';
export { kindText, listenerOf, listenerRanges, sectionName, serverName } from './section.ts';
export type { Balance, ProxiedProtocol, Section, SectionKind, Server } from './section.ts';

export { answerClasses } from './counts.ts';
export type { Answers, SectionCounts } from './counts.ts';
export type { Worker } from './worker.ts';
