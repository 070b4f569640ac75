export { agentMetricsText } from './metrics-text.ts';
