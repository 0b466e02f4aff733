"""Probes that need no network: functions of the host and commands.

Never here: the threads and processes behind them (callables/, programs/).
"""
