export { configure, requestWhile, restartAgent, startWithTraffic } from './nftproxy.ts';
