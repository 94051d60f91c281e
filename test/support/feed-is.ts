import type { TestApp } from './test-app.ts';

/** Resolves when the feed has reached a state. It listens to the feed instead of polling. */
export function feedIs({ app: { feed } }: TestApp, state: 'live' | 'gap'): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (feed.state !== state) return;
      unfollow();
      resolve();
    };
    const unfollow = feed.follow({ onGap: check, onLive: check });
    check();
  });
}
