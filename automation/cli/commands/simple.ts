import { retire } from '../../operations/retire';
import { rollback } from '../../operations/rollback';
import { environmentCommand } from '../command';
import { deployedResult } from './deployed';

export const rollbackCommand = environmentCommand({
  name: 'rollback',
  describe: 'Move traffic back to the former release, at once where it is warm',
  example: 'rollback production',
  needs: { changes: true },
  run: async (session) => deployedResult(session, await rollback(session)),
});

export const retireCommand = environmentCommand({
  name: 'retire',
  describe: 'Scale the idle colour down, once its traffic was seen to end',
  example: 'retire production',
  needs: { changes: true },
  run: async (session) => {
    const result = await retire(session);
    if (result.kind === 'retired') return deployedResult(session, result);
    return {
      exitCode: 0,
      json: { outcome: 'nothing-to-retire', message: result.message },
      text: result.message,
    };
  },
});
