/** Everything the contracts offer, and the list of all of them. */
export * from './booking.ts';
export * from './change.ts';
export * from './civil.ts';
export * from './claim.ts';
export * from './clipped.ts';
export * from './codec.ts';
export * from './constraints.ts';
export * from './contract.ts';
export * from './dead.ts';
export * from './debug.ts';
export * from './devices.ts';
export * from './durability.ts';
export * from './endpoints.ts';
export * from './fact.ts';
export * from './features.ts';
export * from './files.ts';
export * from './firing.ts';
export * from './hand-off.ts';
export * from './init.ts';
export * from './instance.ts';
export * from './iops.ts';
export * from './lease.ts';
export * from './line.ts';
export * from './log.ts';
export * from './manifest.ts';
export * from './names.ts';
export * from './node.ts';
export * from './placement.ts';
export * from './pool.ts';
export * from './pool-sizes.ts';
export * from './ports.ts';
export * from './priority.ts';
export * from './probes.ts';
export * from './protocol.ts';
export * from './quantity.ts';
export * from './quota.ts';
export * from './refusal.ts';
export * from './retention.ts';
export * from './revision.ts';
export * from './rollout.ts';
export * from './run.ts';
export * from './schedule.ts';
export * from './session.ts';
export * from './session-wire.ts';
export * from './sidecars.ts';
export * from './slot-health.ts';
export * from './template.ts';
export * from './tolerance.ts';
export * from './turns.ts';
export * from './update.ts';
export * from './usage.ts';
export * from './volumes.ts';
export * from './workload.ts';

import { claimAcquire, claimExtend, claimInspect, claimRelease } from './claim.ts';
import type { MessageContract, RecordContract } from './contract.ts';
import { deadDrop, deadRecord, deadReplay } from './dead.ts';
import { debugFrame, debugSwitch } from './debug.ts';
import { endpointsRecord } from './endpoints.ts';
import { eventNoticed } from './fact.ts';
import { nodeHandOff } from './hand-off.ts';
import { instanceRecord, instanceStop, observedRecord, specRecord } from './instance.ts';
import { leaseProbe, leaseRecord } from './lease.ts';
import { claimLeave, claimWait, waitRecord } from './line.ts';
import { logFrame, sidecarLogFrame } from './log.ts';
import {
  busDisconnected,
  busPulse,
  ledgerRecord,
  nodeBeat,
  nodeCordon,
  nodeDrain,
  nodeJoin,
  nodePrompt,
  nodeRecord,
  nodeSnapshot,
  nodeUncordon,
} from './node.ts';
import { placementDecided, placementExplain, placeWork } from './placement.ts';
import { poolApply, poolDelete, poolPurge, poolRecord, slotRecord } from './pool.ts';
import { quotaRecord, quotaRefund, quotaTake } from './quota.ts';
import { tenantRecord, tenantRetain } from './retention.ts';
import { revisionRecord, rolloutAbort, rolloutPromote, rolloutUndo } from './revision.ts';
import {
  scheduleApply,
  scheduleDelete,
  scheduleFire,
  schedulePause,
  scheduleRecord,
  scheduleResume,
  scheduleTrigger,
} from './schedule.ts';
import {
  sessionControl,
  sessionEnd,
  sessionIn,
  sessionList,
  sessionOpen,
  sessionOut,
} from './session.ts';
import { nodeUsage } from './usage.ts';
import {
  routeRecord,
  workloadApply,
  workloadDelete,
  workloadRecord,
  workloadScale,
} from './workload.ts';

/** Every message contract there is. */
export const messages: readonly MessageContract[] = [
  nodeBeat,
  nodeSnapshot,
  nodeUsage,
  nodeJoin,
  nodePrompt,
  nodeCordon,
  nodeUncordon,
  nodeDrain,
  busDisconnected,
  busPulse,
  workloadApply,
  workloadScale,
  workloadDelete,
  rolloutPromote,
  rolloutAbort,
  rolloutUndo,
  instanceStop,
  placeWork,
  placementExplain,
  placementDecided,
  eventNoticed,
  logFrame,
  sidecarLogFrame,
  scheduleApply,
  scheduleDelete,
  schedulePause,
  scheduleResume,
  scheduleTrigger,
  scheduleFire,
  deadReplay,
  deadDrop,
  leaseProbe,
  tenantRetain,
  debugSwitch,
  debugFrame,
  sessionEnd,
  sessionList,
  sessionOpen,
  sessionIn,
  sessionOut,
  sessionControl,
  poolApply,
  poolDelete,
  poolPurge,
  claimAcquire,
  claimExtend,
  claimRelease,
  claimInspect,
  claimWait,
  claimLeave,
  nodeHandOff,
  quotaTake,
  quotaRefund,
];

/** Every record contract there is. */
export const records: readonly RecordContract[] = [
  nodeRecord,
  ledgerRecord,
  specRecord,
  workloadRecord,
  instanceRecord,
  routeRecord,
  observedRecord,
  scheduleRecord,
  deadRecord,
  leaseRecord,
  tenantRecord,
  revisionRecord,
  endpointsRecord,
  poolRecord,
  slotRecord,
  waitRecord,
  quotaRecord,
];
