export { Backoff, jittered } from './backoff.ts';
export type { BackoffOptions } from './backoff.ts';
export { sleep, systemClock } from './clock.ts';
export type { Clock } from './clock.ts';
export {
  answer,
  bindFailure,
  createServer,
  formatBindAddress,
  HttpListener,
  listen,
  parseBindAddress,
  requestPath,
} from './http-listener.ts';
export type { BindAddress } from './http-listener.ts';
export type { CertificateFiles } from './served-certificate.ts';
export { createLogger, describeError, logFormats, logLevels } from './log.ts';
export type { LogFormat, Logger, LogLevel } from './log.ts';
export { Pacer } from './pacer.ts';
export { collectGarbageEarly, compileSparingly, releaseSpareMemory } from './spare-memory.ts';
export { every } from './every.ts';
export { HelpRequest, UsageError } from './errors.ts';
export { metricsCertificate, oneOf, parseOptions } from './options.ts';
export { crdDirectory, packageFile } from './paths.ts';
export { packageVersion } from './version.ts';
