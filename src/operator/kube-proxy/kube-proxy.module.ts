import { Module } from '@nestjs/common';
import { ClusterModule } from '../cluster/index.ts';
import { KubeProxyReconciler } from './kube-proxy-reconciler.ts';
import { Parking } from './parking.ts';
import { KubeProxyWatch } from './watch.ts';
import { KubeProxyWriter } from './writer.ts';

/** Where kube-proxy is parked, and bringing it back. */
@Module({
  imports: [ClusterModule],
  providers: [KubeProxyWatch, KubeProxyWriter, Parking, KubeProxyReconciler],
  exports: [KubeProxyWatch, Parking, KubeProxyReconciler],
})
export class KubeProxyModule {}
