import type { FormEvent, ReactNode } from 'react';

interface FormProps {
  readonly children: ReactNode;
  /** What the button does that sends the form, as a verb. */
  readonly action: string;
  readonly isBusy: boolean;
  /** Whether there is something to send. Default: yes. */
  readonly isReady?: boolean;
  /** Whether sending it loses something. */
  readonly isDangerous?: boolean;
  /** Names a form outside of a dialog. */
  readonly label?: string;
  readonly onSubmit: () => void;
  readonly onCancel: () => void;
}

/** A form with the two buttons that end it. */
export function Form(props: FormProps) {
  const { children, action, isBusy, isReady = true, isDangerous = false, label, onSubmit, onCancel } = props;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form className="form" aria-label={label} onSubmit={submit}>
      {children}
      <div className="form-actions">
        <button type="button" className="button" onClick={onCancel}>
          Cancel
        </button>
        <button
          type="submit"
          className={`button ${isDangerous ? 'button-danger' : 'button-primary'}`}
          disabled={isBusy || !isReady}
        >
          {action}
        </button>
      </div>
    </form>
  );
}
