import { useState } from "react";

import type { Interval } from "../../api/marketdata";
import type { BacktestQuestion, Rule } from "../../api/strategy";
import { BarLength } from "../../parts/BarLength";
import { NumberInput } from "../../parts/NumberInput";
import { OneOf } from "../../parts/OneOf";
import { firstRule, HOLD, KINDS, ruleLabel } from "./rules";

const POINTS = 1_000;
const FIRST_KIND = "ema_cross";

interface Props {
  symbols: string[];
  busy: boolean;
  start: (question: BacktestQuestion) => void;
}

/** What to test: a rule, on which bars, with how much. */
export function BacktestForm({ symbols, busy, start }: Props) {
  const [symbol, setSymbol] = useState(symbols[0] ?? "");
  const [interval, setInterval] = useState<Interval>("1s");
  const [rule, setRule] = useState<Rule>(() => firstRule(FIRST_KIND));
  const [limit, setLimit] = useState(5_000);
  const [cash, setCash] = useState(100_000);
  const [fee, setFee] = useState(0.01);
  const kind = KINDS[rule.kind];
  return (
    <form
      className="fields"
      // A field keeps its own bounds; steps are for its arrows, and no rule for what is typed.
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        const bars = { symbol, interval, limit };
        // Beside the rule what it has to beat.
        start({ rules: [rule, HOLD], bars, cash, fee_rate: fee / 100, points: POINTS });
      }}
    >
      <OneOf label="Instrument" options={symbols} value={symbol} onChange={setSymbol} />
      <BarLength caption="Bars of" value={interval} onChange={setInterval} />
      <NumberInput label="Bars, at most" value={limit} min={100} max={100_000} step={500} onChange={setLimit} />
      <OneOf
        label="Rule"
        options={Object.keys(KINDS)}
        name={ruleLabel}
        value={rule.kind}
        onChange={(chosen) => setRule(firstRule(chosen))}
      />
      {kind?.parameters.map(({ name, first, ...field }) => (
        <NumberInput
          key={name}
          {...field}
          value={Number(rule[name] ?? first)}
          onChange={(value) => setRule({ ...rule, [name]: value })}
        />
      ))}
      <NumberInput label="Cash" value={cash} min={1_000} max={1e9} step={10_000} onChange={setCash} />
      <NumberInput label="Fee, % of an order" value={fee} min={0} max={10} step={0.01} onChange={setFee} />
      <button type="submit" className="button primary" disabled={busy}>
        {busy ? "Testing …" : "Run the back-test"}
      </button>
      <p className="quiet about">{kind?.about} Buying at first and holding is tested beside it.</p>
    </form>
  );
}
