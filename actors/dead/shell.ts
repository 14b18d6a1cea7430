/** Makes sure that what a letter holds is put on its queue, and that it is told whether it is there. */
import { address, contentType, encode, placeWork } from '../../subjects/index.ts';
import { ID_HEADER, type Job, TYPE_HEADER, type WorkQueue } from '../runtime/ports.ts';
import type { PutBackInput, PutBackReport } from './replay.ts';

/** The jobs of the keeper of dead letters. */
export function deadJobs(queue: WorkQueue): Readonly<Record<string, Job>> {
  return {
    putBack: (input, report) => {
      const { tokens, item, id } = input as PutBackInput;
      const headers = { [TYPE_HEADER]: contentType[placeWork.codec], [ID_HEADER]: id };
      const message = {
        subject: address(placeWork, tokens),
        body: encode(placeWork, item),
        headers,
      };
      queue.put(message, (outcome) => {
        const told: PutBackReport = { isQueued: outcome !== 'failed' };
        report(told);
      });
    },
  };
}
