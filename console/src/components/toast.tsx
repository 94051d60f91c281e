import { useEffect } from 'react';

const SHOWN_MS = 6000;

/** What has just been done. The region is always there, so that screen readers notice its text. */
export function Toast({ message, onEnd }: { readonly message: string | null; readonly onEnd: () => void }) {
  useEffect(() => {
    if (message === null) return;
    const timer = setTimeout(onEnd, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [message, onEnd]);
  return (
    <div className="toast-region" role="status">
      {message !== null && <p className="toast">{message}</p>}
    </div>
  );
}
