import { type ReactNode, useEffect, useId, useRef, useState } from 'react';

interface PopoverProps {
  readonly label: ReactNode;
  /** For screen readers, where the label alone does not say it. */
  readonly title: string;
  readonly children: ReactNode;
}

/** A button that opens a small panel below it. Escape and a click elsewhere close it. */
export function Popover({ label, title, children }: PopoverProps) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!isOpen) return;
    const onPointer = ({ target }: PointerEvent) => {
      if (!root.current?.contains(target as Node)) setOpen(false);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      setOpen(false);
      button.current?.focus();
    };
    document.addEventListener('pointerdown', onPointer);
    document.addEventListener('keydown', onKey);
    return () => {
      document.removeEventListener('pointerdown', onPointer);
      document.removeEventListener('keydown', onKey);
    };
  }, [isOpen]);
  return (
    <div className="popover" ref={root}>
      <button
        ref={button}
        type="button"
        className="button"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        onClick={() => setOpen(!isOpen)}
      >
        {label}
      </button>
      {isOpen && (
        <section id={id} className="popover-panel" aria-label={title}>
          {children}
        </section>
      )}
    </div>
  );
}
