import { configure } from "@testing-library/react";

// A page may take its time on a busy machine.
configure({ asyncUtilTimeout: 8_000 });

// jsdom has no media queries; uPlot asks for the pixel ratio by one as soon as it is loaded.
window.matchMedia = (media) =>
  Object.assign(new EventTarget(), { media, matches: false }) as unknown as MediaQueryList;

// Nor has it pointer events, as which Base UI passes clicks on.
window.PointerEvent ??= class extends MouseEvent {} as unknown as typeof PointerEvent;

// Nor a layout that could scroll.
Element.prototype.scrollIntoView = () => undefined;
