export { HaproxyError } from './cli-socket.ts';
export { haproxyDirectory } from './configuration.ts';
export { HaproxyRuntime } from './runtime-api.ts';
export type { HaproxyInfo, SectionState, ServerState, Traffic } from './runtime-api.ts';
export { kindText, listenerOf, listenerRanges, sectionName, serverName } from './section.ts';
export type { Balance, ProxiedProtocol, Section, SectionKind, Server } from './section.ts';
