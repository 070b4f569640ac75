export { HaproxyRuntime } from './runtime-api.ts';
export { listenerOf, sectionName, serverName } from './section.ts';
export type { Section, SectionKind, Server } from './section.ts';
