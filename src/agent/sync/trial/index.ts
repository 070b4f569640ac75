export { connect } from './connect.ts';
export { TrialCourse } from './course.ts';
export type { Examiner } from './course.ts';
export { targetsOf } from './targets.ts';
export type { Target } from './targets.ts';
export { Trial } from './trial.ts';
