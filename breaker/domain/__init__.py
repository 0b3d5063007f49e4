"""The pure core, read as a story.

    outcomes     what became of sends, and what of it counts
    windows      how many, of how many, lately: rolling windows in constant space
    statistics   the formulas that tell chance from a change
    detectors    what raises suspicion, and how rarely for nothing
    profiles     which detectors apply to whom, and who is protected
    circuits     what is decided about accounts and sending domains
    platform     what is wanted of the platform, what it does by itself, and how both drift apart
    probes       how an account comes back by evidence
    acts         what people do
    standing     what people and programs are shown

Beside the story: `findings` of an examination, the `drill`, and the `backtest` of a record. No I/O, no clock, no
randomness, nothing but the standard library. Time is an argument.
"""
