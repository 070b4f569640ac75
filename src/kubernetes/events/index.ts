export { EventRecorder } from './event-recorder.ts';
export type { EventRecorderOptions, EventRegarding } from './event-recorder.ts';
