export { guarded } from './access-guard.ts';
export { AccessReview } from './access-review.ts';
