import { Module } from '@nestjs/common';
import { ClusterCache } from './cluster-cache.ts';

/** What the cluster holds, in one cache for each term of leadership. */
@Module({ providers: [ClusterCache], exports: [ClusterCache] })
export class ClusterModule {}
