/** What is made of the settings of agents, for those who try it with settings of their own. */
export { agentTemplate, daemonSetFor } from '../daemon-set.ts';
export { placed, placementOf } from '../placement.ts';
export { annotationOf, templatesAnnotation } from '../templates.ts';
