import { Component, type ReactNode } from "react";

import { reasonOf } from "../api/answer";
import { Trouble } from "../parts/Notice";

interface State {
  error: unknown;
}

/** Shows a page's failure in its place; after a new release its old code may be gone. */
export class Failsafe extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  override render(): ReactNode {
    if (this.state.error === null) {
      return this.props.children;
    }
    return (
      <Trouble retry={() => window.location.reload()}>
        This page failed: {reasonOf(this.state.error)}.
      </Trouble>
    );
  }
}
