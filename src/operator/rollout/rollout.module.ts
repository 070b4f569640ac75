import { Module } from '@nestjs/common';
import { ClusterModule } from '../cluster/index.ts';
import { Assignments } from './assignments.ts';
import { NodeReconciler } from './node-reconciler.ts';
import { NodeStateWriter } from './node-state-writer.ts';

/** Which node gets which ProxyConfig, and telling it. */
@Module({
  imports: [ClusterModule],
  providers: [Assignments, NodeReconciler, NodeStateWriter],
  exports: [Assignments, NodeReconciler],
})
export class RolloutModule {}
