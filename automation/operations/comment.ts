import {
  commentChange,
  commentError,
  PlatformFailure,
  waitBeforeTry,
  type CommentPlace,
  type PostedComment,
} from '../../src/domain/comment';
import type { Clock, Comments } from '../../src/ports';

/** What became of a comment. */
export interface Commented {
  outcome: 'posted' | 'updated' | 'unchanged';
  comment: PostedComment;
}

export interface Commenting {
  comments: Comments;
  place: CommentPlace;
  clock: Clock;
  say: (line: string) => void;
}

/**
 * Makes the text stand in one comment: updates the former one, or posts it. After a failure that passes the whole
 * is looked at anew, since a post whose answer was lost is there all the same.
 * @throws BasculeError BASCULE_COMMENT_TEXT, _DENIED, _NOT_FOUND, _FAILED
 */
export async function comment(commenting: Commenting, text: string): Promise<Commented> {
  const { clock, place, say } = commenting;
  for (let tries = 1; ; tries += 1) {
    try {
      return await once(commenting.comments, text);
    } catch (thrown) {
      if (!(thrown instanceof PlatformFailure)) throw thrown;
      const wait = waitBeforeTry(thrown, tries, clock.now());
      if (wait === null) throw commentError(place, thrown);
      say(
        `${place.api}: ${thrown.message || `status ${thrown.status}`}; asked again in ${Math.ceil(wait / 1000)} s`,
      );
      await clock.wait(wait);
    }
  }
}

async function once(comments: Comments, text: string): Promise<Commented> {
  const author = await comments.author();
  const change = commentChange(text, await comments.list(), author);
  switch (change.kind) {
    case 'none':
      return { outcome: 'unchanged', comment: change.former };
    case 'update':
      return { outcome: 'updated', comment: await comments.edit(change.former.id, text) };
    case 'post':
      return { outcome: 'posted', comment: await comments.post(text) };
  }
}
